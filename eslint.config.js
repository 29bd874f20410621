import globals from "globals";
import js from "@eslint/js";

// house.md's names: words of ours that the field has a term for, and words that name nothing.
const NOT_OURS = [
  "tell",
  "told",
  "hear",
  "heard",
  "painter",
  "picture",
  "beat",
  "rung",
  "shed",
  "aside",
  "heir",
  "sight",
];
const NAMES_NOTHING = ["data", "info", "utils", "manager", "temp", "tmp", "obj", "foo"];

export default [
  { ignores: ["**/node_modules/", ".venv/", ".parts/", "build/", "dist/", "mutants/"] },
  js.configs.recommended,
  {
    files: ["dashboard/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ["tests/javascript/**/*.js", "*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
  },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "id-denylist": ["error", ...NOT_OURS, ...NAMES_NOTHING],
      camelcase: ["error", { properties: "never", ignoreDestructuring: true, allow: ["pull_session"] }],
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "no-restricted-properties": [
        "error",
        { property: "outerHTML", message: "what comes from outside is text: textContent, or format.js's h()" },
        { property: "insertAdjacentHTML", message: "what comes from outside is text" },
      ],
      complexity: ["error", 16],
      "max-params": ["error", 5],
      "max-lines": ["error", { max: 300 }],
    },
  },
];
