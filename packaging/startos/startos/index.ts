/** What StartOS calls; each has its file. */
import { buildManifest } from '@start9labs/start-sdk'
import { manifest as described } from './manifest'
import { versions } from './versions'

export { createBackup } from './backups'
export { main } from './main'
export { init, uninit } from './init'
export { actions } from './actions'
export const manifest = buildManifest(versions, described)
