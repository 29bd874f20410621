import { actions } from '../actions'
import { restoreInit } from '../backups'
import { setDependencies } from '../dependencies'
import { setInterfaces } from '../interfaces'
import { sdk } from '../sdk'
import { versions } from '../versions'
import { askForPassword } from './askForPassword'

export const init = sdk.setupInit(restoreInit, versions, setInterfaces, setDependencies, actions, askForPassword)
export const uninit = sdk.setupUninit(versions)
