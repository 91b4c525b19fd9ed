import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const environment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: "The environment is read at the edges; take what you need as a parameter.",
};

export default defineConfig(
  globalIgnores(["dist/", ".cache/", "**/node_modules/"]),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      "no-restricted-syntax": ["error", environment],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      // An empty string is often as good as none.
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
      // Whatever was given as the reason of an AbortSignal is passed on.
      "@typescript-eslint/only-throw-error": ["error", { allowThrowingAny: true, allowThrowingUnknown: true }],
      "@typescript-eslint/prefer-promise-reject-errors": [
        "error",
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      // An async function that awaits nothing turns what it throws into a rejection, which is what a port promises.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // Objects with functions are closures here, not classes.
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: ["test/**"],
    rules: {
      // vitest's expect.any() and its like are of type any.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "no-restricted-properties": [
        "error",
        ...["describe", "it", "test"].flatMap((object) =>
          ["only", "skip", "todo"].map((property) => ({ object, property })),
        ),
        { object: "vi", property: "mock", message: "Use the fakes in test/fakes/." },
      ],
    },
  },
  {
    files: ["daemon/main.ts", "shim/host/**", "test/**", "scripts/**", "demo/**"],
    rules: { "no-restricted-syntax": "off" },
  },
  { files: ["scripts/**", "demo/**", "test/bench/**"], rules: { "no-console": "off" } },
  {
    // Compiled ahead of time from a subset of TypeScript; the hot loops index bytes whose bounds were checked before.
    files: ["shim/**"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/prefer-nullish-coalescing": "off",
      "@typescript-eslint/prefer-optional-chain": "off",
    },
  },
  // Outside tsconfig.json: the shim's host declares libc for its own compiler; the rest is JavaScript.
  { files: ["shim/host/**", "**/*.{js,cjs,mjs}"], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ["*.config.{js,ts}", "**/*.cjs"],
    languageOptions: { globals: { module: "writable" } },
    rules: { "no-restricted-exports": "off" },
  },
);
