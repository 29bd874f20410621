import { setupI18n } from '@start9labs/start-sdk'
import words, { DEFAULT_LANG } from './dictionaries/default'
import translations from './dictionaries/translations'

export const i18n = setupI18n(words, translations, DEFAULT_LANG)
