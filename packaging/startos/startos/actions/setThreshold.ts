import { i18n } from '../i18n'
import { sdk } from '../sdk'
import { spout } from '../utils'

const { InputSpec, Value } = sdk

export const setThreshold = sdk.Action.withInput(
  'set-threshold',
  async () => ({
    name: i18n('Set the threshold'),
    description: i18n('How many BTC a transaction must move to count as a whale; followed at once'),
    warning: null,
    allowedStatuses: 'any',
    group: null,
    visibility: 'enabled',
  }),
  InputSpec.of({
    btc: Value.number({
      name: i18n('Threshold'),
      description: i18n('A whale moves strictly more than this'),
      required: true,
      default: 100,
      integer: false,
      min: 1,
      max: 21_000_000,
      units: 'BTC',
    }),
  }),
  async () => null,
  async ({ effects, input }) => {
    await spout(effects, ['settings', 'set', 'SPOUT_WHALE_THRESHOLD_BTC', String(input.btc)])
    return null
  },
)
