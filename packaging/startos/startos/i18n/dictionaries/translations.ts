/** None yet: every word falls back to English. */
export default {}
