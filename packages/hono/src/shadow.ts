/** Standing before the response of a Hono context. */
import type { Context } from "hono";

/** What a context knows about its response. */
export interface Answered {
  res: Response | undefined;
  finalized: boolean;
}

export interface Watcher {
  /** Somebody is about to ask for it. */
  before(name: keyof Answered): void;
  /** Somebody is about to set the response. */
  beforeSet(): void;
}

/** `real` goes past the watcher. `restore` takes it away: in the reverse order, if there are several. */
export function shadow(c: Context, watcher: Watcher): { real: Answered; restore(): void } {
  const own = Object.getOwnPropertyDescriptors(c) as Partial<Record<keyof Answered, PropertyDescriptor>>;
  // Hono has the one as an accessor of its class, the other as a field.
  const res = own.res ?? Object.getOwnPropertyDescriptor(Object.getPrototypeOf(c), "res");
  const finalized = own.finalized ?? { value: c.finalized, writable: true, enumerable: true };
  const real: Answered = {
    get res() {
      return res?.get?.call(c);
    },
    set res(value) {
      res?.set?.call(c, value);
    },
    get finalized() {
      return finalized.get ? finalized.get.call(c) : finalized.value;
    },
    set finalized(value) {
      if (finalized.set) finalized.set.call(c, value);
      else finalized.value = value;
    },
  };
  Object.defineProperties(c, {
    res: {
      configurable: true,
      get() {
        watcher.before("res");
        return real.res;
      },
      set(value: Response | undefined) {
        watcher.beforeSet();
        real.res = value;
      },
    },
    finalized: {
      configurable: true,
      enumerable: true,
      get() {
        watcher.before("finalized");
        return real.finalized;
      },
      set(value: boolean) {
        real.finalized = value;
      },
    },
  });
  return {
    real,
    restore() {
      Object.defineProperty(c, "finalized", { ...finalized, configurable: true });
      if (own.res) Object.defineProperty(c, "res", own.res);
      else delete (c as Partial<Answered>).res;
    },
  };
}

/** As if nothing had answered: whoever does so from now on is somebody else. */
export function setFree(real: Answered): void {
  real.res = undefined;
  real.finalized = false;
}
