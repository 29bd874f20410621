import { newPassword } from '../actions/newPassword'
import { i18n } from '../i18n'
import { sdk } from '../sdk'

/** Without a password Spout refuses to listen beyond its own container. */
export const askForPassword = sdk.setupOnInit(async (effects, kind) => {
  if (kind === 'install') {
    await sdk.action.createOwnTask(effects, newPassword, 'critical', {
      reason: i18n('Make the password that the dashboard asks for'),
    })
  }
})
