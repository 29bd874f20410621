import { i18n } from '../i18n'
import { sdk } from '../sdk'
import { spout } from '../utils'

const { InputSpec, Value } = sdk

export const createKey = sdk.Action.withInput(
  'create-key',
  async () => ({
    name: i18n('Create an API key'),
    description: i18n('For a program that reads predictions or the stream, or changes settings'),
    warning: null,
    allowedStatuses: 'any',
    group: null,
    visibility: 'enabled',
  }),
  InputSpec.of({
    name: Value.text({ name: i18n('Name'), required: true, default: null, maxLength: 64 }),
    scope: Value.select({
      name: i18n('May'),
      default: 'read',
      values: { read: i18n('read'), admin: i18n('read and change') },
    }),
  }),
  async () => null,
  async ({ effects, input }) => {
    const key = await spout(effects, ['keys', 'create', input.name, '--scope', input.scope])
    return {
      version: '1',
      title: i18n('Create an API key'),
      message: i18n('Keep it: it cannot be shown again.'),
      result: { type: 'single', value: key, copyable: true, qr: false, masked: true },
    }
  },
)
