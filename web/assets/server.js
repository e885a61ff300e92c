// The edge: what the page asks it, and what it refuses.

/** An answer that is none, in the server's own words. */
export class Refusal extends Error {
  constructor(status, code, message, requestId = null) {
    super(message);
    Object.assign(this, { status, code, requestId });
  }
}

export class Server {
  /** @param caller has the `key` and the `user` to ask with; either may be empty. */
  constructor(caller) {
    this.caller = caller;
  }

  /** Returns the served model's name. */
  async model() {
    const { models: [first] } = await (await this.#ask("/v1/models")).json();
    return first.name ?? first;
  }

  /** Returns the figures of each version, and whether they are those of one replica among several. */
  async live() {
    const answer = await this.#ask("/live");
    return { document: await answer.json(), ofOneReplica: answer.headers.has("x-live-of") };
  }

  /** Returns a model's answer and the milliseconds from the request to its last byte; `version` null: by the split. */
  async predict(model, image, { version = null, topK, signal }) {
    const began = performance.now();
    const answer = await this.#post(path("predictions", model, version), { top_k: topK }, image, signal);
    const { predictions, request_id: requestId, version: answered } = await answer.json();
    return { predictions, requestId, version: answered, ms: performance.now() - began };
  }

  /** Returns which parts of the image count for a version's first class. */
  async explain(model, image, version, signal) {
    const answer = await this.#post(path("explanations", model, version), { format: "map" }, image, signal);
    return (await answer.json()).explanation;
  }

  #post(to, query, image, signal) {
    const headers = { "content-type": image.type || "application/octet-stream" };
    if (this.caller.user) headers["x-user-id"] = this.caller.user;
    return this.#ask(`${to}?${new URLSearchParams(query)}`, { method: "POST", body: image, headers, signal });
  }

  async #ask(to, { headers = {}, ...rest } = {}) {
    if (this.caller.key) headers["x-api-key"] = this.caller.key;
    let answer;
    try {
      // Without credentials, or a browser would answer a 401 with a dialog of its own.
      answer = await fetch(to, { ...rest, headers, credentials: "omit", cache: "no-store" });
    } catch {
      throw new Refusal(0, "no_answer", "The server can't be reached, or ended the connection.");
    }
    if (answer.ok) return answer;
    const { code, message } = await answer.json().then(({ error }) => error, () => ({}));
    throw new Refusal(answer.status, code ?? "error", message ?? answer.statusText, answer.headers.get("x-request-id"));
  }
}

function path(verb, model, version) {
  return `/${verb}/${encodeURIComponent(model)}` + (version ? `/${encodeURIComponent(version)}` : "");
}
