declare module "asl-validator" {
  const validate: (definition: unknown) => {
    readonly isValid: boolean;
    readonly errorsText: (separator: string) => string;
  };
  // biome-ignore lint/style/noDefaultExport: the package asl-validator has a default export
  export default validate;
}
