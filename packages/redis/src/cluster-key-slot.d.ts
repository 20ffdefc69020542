declare module "cluster-key-slot" {
  /** The hash slot of a key: of its hash tag, where it has one. */
  export default function slotOf(key: string): number;
}
