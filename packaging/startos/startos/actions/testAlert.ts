import { i18n } from '../i18n'
import { sdk } from '../sdk'
import { spout } from '../utils'

const { InputSpec, Value } = sdk

export const testAlert = sdk.Action.withInput(
  'test-alert',
  async () => ({
    name: i18n('Send a test alert'),
    description: i18n('Sends one to a place for alerts, and says what came of it'),
    warning: null,
    allowedStatuses: 'only-running',
    group: null,
    visibility: 'enabled',
  }),
  InputSpec.of({ name: Value.text({ name: i18n('Name'), required: true, default: null }) }),
  async () => null,
  async ({ effects, input }) => ({
    version: '1',
    title: i18n('Send a test alert'),
    message: await spout(effects, ['endpoints', 'test', input.name]),
    result: null,
  }),
)
