import { utils } from '@start9labs/start-sdk'
import { i18n } from '../i18n'
import { sdk } from '../sdk'
import { spout } from '../utils'

/** Made here and shown once; Spout keeps only a hash. Every session ends. */
export const newPassword = sdk.Action.withoutInput(
  'new-password',
  async () => ({
    name: i18n('New password'),
    description: i18n('Makes a new password for the dashboard and ends every session'),
    warning: null,
    allowedStatuses: 'any',
    group: null,
    visibility: 'enabled',
  }),
  async ({ effects }) => {
    const password = utils.getDefaultString({ charset: 'a-z,A-Z,2-9', len: 22 })
    await spout(effects, ['password'], `${password}\n`)
    return {
      version: '1',
      title: i18n('New password'),
      message: i18n('Keep it: it cannot be shown again.'),
      result: { type: 'single', value: password, copyable: true, qr: false, masked: true },
    }
  },
)
