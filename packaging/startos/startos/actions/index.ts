import { sdk } from '../sdk'
import { addWebhook } from './addWebhook'
import { createKey } from './createKey'
import { newPassword } from './newPassword'
import { setThreshold } from './setThreshold'
import { testAlert } from './testAlert'

export const actions = sdk.Actions.of()
  .addAction(newPassword)
  .addAction(setThreshold)
  .addAction(addWebhook)
  .addAction(testAlert)
  .addAction(createKey)
