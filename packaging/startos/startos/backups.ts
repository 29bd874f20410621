import { sdk } from './sdk'
import { DATA, spout } from './utils'

/** A fresh, consistent copy is made first; the live database and what can be made again are left out. */
export const { createBackup, restoreInit } = sdk.setupBackups(async () =>
  sdk.Backups.ofVolumes('main')
    .setOptions({ exclude: ['spout.duckdb', 'spout.duckdb.*', 'tmp', '*.lock', 'lock', '*.sock', '*.set-aside'] })
    .setPreBackup(async (effects) => {
      // A nightly backup's name: of those the last three are kept, and a start without a database takes the newest.
      const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
      await spout(effects, ['backup', `${DATA}/backups/spout-${stamp}.backup`])
    }),
)
