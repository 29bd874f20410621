/** The words of the listing; more languages come beside en_US. At most 80 and 500 characters. */
export const short = { en_US: 'See the whale before it surfaces, in your own mempool' }
export const long = {
  en_US:
    'Spout watches the mempool of your own node for transactions over 100 BTC and tells you at once where the coins ' +
    'go, how urgent it is and when they will confirm. It follows each until the end and keeps score of its forecasts ' +
    'in the open. Nothing leaves your server unless you add a place for alerts yourself.',
}
export const mempool = { en_US: 'Its stream shows each transaction as it arrives, and its blocks to come.' }
export const bitcoind = { en_US: 'Asked first, and told of by ZMQ: the quickest and surest word on a transaction.' }
export const electrs = { en_US: 'A further witness when others are silent. Fulcrum serves as well.' }
export const fulcrum = { en_US: 'A further witness when others are silent. Electrs serves as well.' }
