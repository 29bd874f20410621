import { i18n } from './i18n'
import { sdk } from './sdk'
import { PORT } from './utils'

/** StartOS ends TLS: the pages' addresses are relative, and their sockets follow the page's scheme. */
export const setInterfaces = sdk.setupInterfaces(async ({ effects }) => {
  const bound = await sdk.MultiHost.of(effects, 'main').bindPort(PORT, { protocol: 'http' })
  const dashboard = sdk.createInterface(effects, {
    id: 'dashboard',
    name: i18n('Dashboard'),
    description: i18n('Whales, accuracy and settings; the API for programs with keys is below /api/v1'),
    type: 'ui',
    masked: false,
    schemeOverride: null,
    username: null,
    path: '',
    query: {},
  })
  return [await bound.export([dashboard])]
})
