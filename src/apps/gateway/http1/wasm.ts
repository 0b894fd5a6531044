/** The part of the WebAssembly interface that is used here; the types of Node 24 have none of it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, object>>,
  ) => { readonly exports: unknown };
};

/** The exports of a module's instance; compiled at once, so only for small modules. */
export function instantiated(bytes: Uint8Array, env: object): unknown {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports;
}
