import { sdk } from './sdk'

export const PORT = 8411
export const DATA = '/data'
export const BITCOIND = '/bitcoind'
/** The user of the image; StartOS makes volumes for root. */
export const USER = '1000'

export const data = sdk.Mounts.of().mountVolume({
  volumeId: 'main',
  subpath: null,
  mountpoint: DATA,
  readonly: false,
})

/** Run a command of Spout's beside the running program and return what it printed; throws with its words. */
export async function spout(
  effects: Parameters<typeof sdk.SubContainer.withTemp>[0],
  command: string[],
  input?: string,
): Promise<string> {
  return sdk.SubContainer.withTemp(effects, { imageId: 'main' }, data, 'command', async (container) => {
    const folders = [DATA, `${DATA}/backups`]
    await container.execFail(['install', '-d', '-o', USER, '-g', USER, '-m', '700', ...folders], { user: 'root' })
    const ran = await container.exec(['spout', ...command], { user: USER, ...(input === undefined ? {} : { input }) })
    if (ran.exitCode !== 0) throw new Error(String(ran.stderr).trim())
    return String(ran.stdout).trim()
  })
}
