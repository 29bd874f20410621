import { i18n } from '../i18n'
import { sdk } from '../sdk'
import { spout } from '../utils'

const { InputSpec, Value } = sdk

export const addWebhook = sdk.Action.withInput(
  'add-webhook',
  async () => ({
    name: i18n('Add a webhook'),
    description: i18n('Each alert is sent there, signed. Email, Telegram and others: on the dashboard or by the API'),
    warning: i18n('What is sent there leaves your server.'),
    allowedStatuses: 'any',
    group: null,
    visibility: 'enabled',
  }),
  InputSpec.of({
    name: Value.text({ name: i18n('Name'), required: true, default: null, maxLength: 64 }),
    url: Value.text({ name: i18n('Address'), required: true, default: null, placeholder: 'https://', inputmode: 'url' }),
    reach: Value.select({
      name: i18n('Where it lies'),
      default: 'public',
      values: { public: i18n('On the internet'), lan: i18n('In my network'), onion: i18n('An onion service') },
    }),
  }),
  async () => null,
  async ({ effects, input }) => {
    const words = await spout(effects, ['endpoints', 'add', input.name, '--url', input.url, '--reach', input.reach])
    return {
      version: '1',
      title: i18n('Add a webhook'),
      message: i18n('Keep the secret: it cannot be shown again.'),
      result: { type: 'single', value: words, copyable: true, qr: false, masked: true },
    }
  },
)
