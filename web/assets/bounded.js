// Many images, few requests at once.

/** Returns what runs tasks, `limit` of them at a time, and gives each one's promise. */
export function bounded(limit) {
  const waiting = [];
  let running = 0;
  const next = () => {
    if (running >= limit || !waiting.length) return;
    const { task, resolve, reject } = waiting.shift();
    running += 1;
    task().then(resolve, reject).finally(() => {
      running -= 1;
      next();
    });
  };
  return (task) => new Promise((resolve, reject) => {
    waiting.push({ task, resolve, reject });
    next();
  });
}
