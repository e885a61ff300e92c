-- wrk's script: sends the images of a manifest in turn and holds the label of every answer against the expected one.
--
-- wrk ... -- <manifest> <threads> <label> [<label> ...]
-- A line of the manifest is "<label> <file>".
--
-- An answer does not say which request of a thread it belongs to. So with several connections each thread sends the
-- images of one label only; with one connection, answers come in the order of requests.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  labels = {unpack(args, 3)}
  local own = labels[number % #labels + 1]
  local single = tonumber(args[2]) == 1
  local headers = {["content-type"] = "application/octet-stream"}
  requests, expected = {}, {}
  next_one, right, wrong = 0, 0, 0
  for line in io.lines(args[1]) do
    local label, path = line:match("^(%S+) (.+)$")
    if single or label == own then
      local file = assert(io.open(path, "rb"))
      table.insert(requests, wrk.format("POST", nil, headers, file:read("*a")))
      table.insert(expected, label)
      file:close()
    end
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

-- Answers name the most probable label first, whatever their form.
local function first_label(body)
  local best, found = math.huge, nil
  for _, label in ipairs(labels) do
    local position = body:find('"' .. label .. '"', 1, true)
    if position and position < best then best, found = position, label end
  end
  return found
end

function response(status, _, body)
  if status == 200 and first_label(body) == expected[next_one] then
    right = right + 1
  else
    wrong = wrong + 1
  end
end

function done(summary, latency)
  local all_right, all_wrong = 0, 0
  for _, thread in ipairs(threads) do
    all_right = all_right + thread:get("right")
    all_wrong = all_wrong + thread:get("wrong")
  end
  local errors = summary.errors
  print(string.format(
    'RESULT {"right": %d, "wrong": %d, "socket_errors": %d, "duration_s": %.6f, "p50_ms": %.3f, "p95_ms": %.3f, "p99_ms": %.3f}',
    all_right, all_wrong, errors.connect + errors.read + errors.write + errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
