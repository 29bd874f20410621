import { setupManifest } from '@start9labs/start-sdk'
import { bitcoind, electrs, fulcrum, long, mempool, short } from './i18n'

// The project's public addresses take the place of spout.example before a submission.
// NOT RELEASED YET: packaging/release.sh writes the registry and the digest of the image that it pushed.
const IMAGE = 'spout.example/spout:0.1.0'
const ICONS = 'https://spout.example/icons'

export const manifest = setupManifest({
  id: 'spout',
  title: 'Spout',
  license: 'MIT',
  packageRepo: 'https://spout.example/source',
  upstreamRepo: 'https://spout.example/source',
  marketingUrl: 'https://spout.example',
  donationUrl: null,
  description: { short, long },
  volumes: ['main'],
  images: { main: { source: { dockerTag: IMAGE }, arch: ['x86_64', 'aarch64'] } },
  hardwareRequirements: { ram: 1024 },
  dependencies: {
    mempool: {
      description: mempool,
      optional: false,
      metadata: { title: 'Mempool', icon: `${ICONS}/mempool.png` },
    },
    bitcoind: {
      description: bitcoind,
      optional: false,
      metadata: { title: 'Bitcoin', icon: `${ICONS}/bitcoin.png` },
    },
    electrs: {
      description: electrs,
      optional: true,
      metadata: { title: 'Electrs', icon: `${ICONS}/electrs.png` },
    },
    fulcrum: {
      description: fulcrum,
      optional: true,
      metadata: { title: 'Fulcrum', icon: `${ICONS}/fulcrum.png` },
    },
  },
})
