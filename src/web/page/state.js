"use strict";
// What is asked about: a scenario and the keys laid over it. It lives in the page's address, so that a link holds it.
const state = (() => {
  let toml = null;
  let set = {};

  const pack = async text => {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let packed = "";
    for (const byte of bytes) packed += String.fromCharCode(byte);
    return btoa(packed).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  // No scenario is longer; what unpacks to more is none.
  const MOST = 1 << 20;

  const unpack = async packed => {
    const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), letter => letter.charCodeAt(0));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const parts = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > MOST) throw new Error("too long");
      parts.push(value);
    }
    return new Blob(parts).text();
  };

  return {
    // The question, with keys that are laid over it for this answer only.
    asked: also => ({ ...(toml === null ? {} : { toml }), set, also }),
    has: key => Object.hasOwn(set, key),
    put: (key, value) => { set[key] = value; },
    drop: key => { delete set[key]; },
    replace: text => { toml = text; set = {}; },
    // The address of what is asked about, with the text of the scenario that is served unless it names files.
    fragment: async served => `#s=${await pack(JSON.stringify({ toml: toml ?? served, set }))}`,
    // Takes the state from an address; gives whether there is one in it.
    take: async (fragment, served) => {
      if (!fragment.startsWith("#s=")) return false;
      const read = JSON.parse(await unpack(fragment.slice(3)));
      if (typeof read !== "object" || read === null || typeof (read.set ?? {}) !== "object") throw new Error("no state");
      toml = typeof read.toml === "string" && read.toml !== served ? read.toml : null;
      set = { ...read.set };
      return true;
    },
  };
})();

// Asks the server; a problem is thrown as it says it, with the key that it is about.
const ask = async (path, question, signal) => {
  const options = question === undefined ? { signal } : {
    signal, method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question),
  };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.ok) return answer;
  const problem = new Error(answer.error?.message ?? `the server answers ${response.status}`);
  problem.key = answer.error?.key ?? null;
  problem.isBusy = response.status === 503;
  throw problem;
};
