// What jsdom lacks of a browser. Nothing here knows about the console.
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// Waiting is for conditions; this only bounds it, generously, for machines that are busy with something else.
configure({ asyncUtilTimeout: 15_000 });

class NoEvents extends EventTarget {
  static readonly CLOSED = 2;
  readonly readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  close(): void {}
}

class NoObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

if (typeof window !== "undefined") {
  Object.defineProperty(globalThis, "EventSource", { value: NoEvents, writable: true });
  Object.defineProperty(globalThis, "ResizeObserver", { value: NoObserver, writable: true });
  Object.defineProperty(window, "matchMedia", {
    value: (media: string) => ({ media, matches: false, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {}, dispatchEvent: () => false, onchange: null }),
    writable: true,
  });
  Object.defineProperty(window, "scrollTo", { value: () => {}, writable: true });
  window.HTMLElement.prototype.scrollIntoView = () => {};
  afterEach(cleanup);
}
