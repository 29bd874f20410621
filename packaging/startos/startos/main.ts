import { i18n } from './i18n'
import { sdk } from './sdk'
import { BITCOIND, data, DATA, PORT, spout, USER } from './utils'

type Component = { name: string; status: string; error: string | null }
const SOURCES = ['mempool_ws', 'mempool_rest', 'bitcoind', 'electrs']

export const main = sdk.setupMain(async ({ effects }) => {
  // Null while a dependency is not there: Spout then starts without it, and its health says so.
  const of = (packageId: string, hostId: string, internalPort: number) =>
    sdk.host.getBridgeAddress(effects, { packageId, hostId, internalPort, ssl: false }).const()
  const mempool = await of('mempool', 'main', 8080)
  const rpc = await of('bitcoind', 'rpc', 8332)
  const hashes = await of('bitcoind', 'zmq', 28332)
  const transactions = await of('bitcoind', 'zmq', 28333)
  const electrum = (await of('electrs', 'electrum', 50001)) ?? (await of('fulcrum', 'main', 50001))

  const env: Record<string, string> = { SPOUT_SOURCE: 'mempool', SPOUT_MEMORY_LIMIT_MB: '400' }
  if (mempool) env.SPOUT_MEMPOOL_URL = `http://${mempool}`
  if (rpc) {
    env.SPOUT_BITCOIND_URL = `http://${rpc}`
    env.SPOUT_BITCOIND_COOKIE_FILE = `${BITCOIND}/.cookie`
  }
  if (hashes) env.SPOUT_BITCOIND_ZMQ_HASHBLOCK = `tcp://${hashes}`
  if (transactions) {
    env.SPOUT_BITCOIND_ZMQ_RAWTX = `tcp://${transactions}`
    env.SPOUT_BITCOIND_ZMQ_SEQUENCE = `tcp://${transactions}`
  }
  if (electrum) env.SPOUT_ELECTRS_URL = `tcp://${electrum}`

  const mounts = data.mountDependency({
    dependencyId: 'bitcoind',
    volumeId: 'main',
    subpath: null,
    mountpoint: BITCOIND,
    readonly: true,
    idmap: [{ fromId: 0, toId: Number(USER) }],
  })
  const container = sdk.SubContainer.of(effects, { imageId: 'main' }, mounts, 'spout')

  // The checks below ask the API, with a key that is made anew at each start; only its hash is kept.
  await spout(effects, ['keys', 'revoke', 'startos-health']).catch(() => null)
  const key = await spout(effects, ['keys', 'create', 'startos-health', '--scope', 'read'])

  return sdk.Daemons.of(effects)
    .addOneshot('owner', {
      subcontainer: container,
      exec: { command: ['chown', '-R', `${USER}:${USER}`, DATA], user: 'root' },
      requires: [],
    })
    .addDaemon('web', {
      subcontainer: container,
      exec: { command: sdk.useEntrypoint(), env, user: USER },
      ready: {
        display: i18n('Dashboard'),
        gracePeriod: 30_000,
        fn: () =>
          sdk.healthCheck.checkWebUrl(effects, `http://localhost:${PORT}/healthz`, {
            successMessage: i18n('The dashboard answers'),
            errorMessage: i18n('The dashboard does not answer'),
          }),
      },
      requires: ['owner'],
    })
    .addHealthCheck('sources', {
      ready: { display: i18n('Sources'), trigger: sdk.trigger.cooldownTrigger(15_000), fn: () => sources(key) },
      requires: ['web'],
    })
    .addHealthCheck('accuracy', {
      ready: { display: i18n('Accuracy'), trigger: sdk.trigger.cooldownTrigger(60_000), fn: () => accuracy(key) },
      requires: ['web'],
    })
})

async function components(key: string): Promise<Component[] | null> {
  try {
    const answer = await fetch(`http://localhost:${PORT}/api/v1/health`, { headers: { 'X-API-Key': key } })
    const health = (await answer.json()) as { components?: Component[] }
    return health.components ?? null
  } catch {
    return null
  }
}

/** What is missing, by name; a dependency that still synchronises is no failure. */
async function sources(key: string) {
  const found = (await components(key))?.filter((one) => SOURCES.includes(one.name))
  if (!found) return { result: 'loading' as const, message: i18n('Spout is starting') }
  const amiss = found.filter((one) => !['ok', 'off', 'syncing'].includes(one.status))
  if (amiss.length) {
    return { result: 'failure' as const, message: amiss.map((one) => `${one.name}: ${one.error ?? one.status}`).join('; ') }
  }
  if (found.some((one) => one.status === 'syncing')) {
    return { result: 'loading' as const, message: i18n('A neighbour still synchronises') }
  }
  return { result: 'success' as const, message: i18n('All that is configured answers') }
}

async function accuracy(key: string) {
  const found = (await components(key))?.find((one) => one.name === 'accuracy')
  if (!found) return { result: 'loading' as const, message: i18n('No score yet') }
  if (['ok', 'off'].includes(found.status)) return { result: 'success' as const, message: i18n('Forecasts hold') }
  return { result: 'failure' as const, message: found.error ?? i18n('Forecasts hold less often than wanted') }
}
