-- One caller that asks as fast as it is answered, whatever the answer: the file of ASKED_WITH, under the key of API_KEY.
local file = io.open(os.getenv("ASKED_WITH"), "rb")
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["content-type"], wrk.headers["x-api-key"] = "image/png", os.getenv("API_KEY")
file:close()

local threads = {}
function setup(thread) table.insert(threads, thread) end
answered, refused = 0, false
function response(status)
  refused = status == 429
  if status == 200 then answered = answered + 1 end
end
-- A caller that does as `retry-after` says; otherwise one that asks again at once.
function delay() return refused and os.getenv("WAITS") and 1000 or 0 end
function done(summary)
  local answered = 0
  for _, thread in ipairs(threads) do answered = answered + thread:get("answered") end
  print(string.format("RESULT %d %d", answered, summary.requests))
end
