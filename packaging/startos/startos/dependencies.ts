import { sdk } from './sdk'

export const setDependencies = sdk.setupDependencies(async ({ effects }) => {
  const installed = await effects.getInstalledPackages()
  const witness = installed.includes('electrs')
    ? { electrs: { kind: 'running' as const, versionRange: '>=0.11.1:11', healthChecks: ['electrs'] } }
    : installed.includes('fulcrum')
      ? { fulcrum: { kind: 'running' as const, versionRange: '>=2.1.1:8', healthChecks: ['primary'] } }
      : {}
  return {
    mempool: { kind: 'running' as const, versionRange: '>=3.3.1:21', healthChecks: ['api'] },
    bitcoind: {
      kind: 'running' as const,
      versionRange: '(>=28.4:17 && <29) || (>=29.4:4 && <30) || (>=30.3:4 && <31) || >=31.1:4',
      healthChecks: ['bitcoind'],
    },
    ...witness,
  }
})
