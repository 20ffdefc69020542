// Nothing is built to be used elsewhere: the harness bundles its receiver when it starts (src/bundle.ts).
export default [];
