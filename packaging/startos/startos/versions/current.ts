import { IMPOSSIBLE, VersionInfo } from '@start9labs/start-sdk'

export const current = VersionInfo.of({
  version: '0.1.0:0',
  releaseNotes: {
    en_US: 'First release: live whales with flow, urgency and a forecast, alerts, accuracy kept in the open.',
  },
  // Spout brings its own data up to date at its start, over skipped versions too, and refuses what is newer.
  migrations: { up: async () => {}, down: IMPOSSIBLE },
})
