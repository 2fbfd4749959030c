declare module 'lockstep:addons' {
  const addons: import('./embedded-native.ts').EmbeddedAddons;
  export default addons;
}
