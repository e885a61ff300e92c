-- gRPC's Predictions (proto/inference.proto) as the HTTP request that it stands for, so that split, pins, keys, limits and
-- errors are those of HTTP, and TorchServe's own gRPC, which tells the handler nothing but the bytes, is not needed.
-- The next filter, Envoy's reverse bridge, sends it on as HTTP/1.1 and ends the answer with gRPC's trailers.
local SERVICE = "org.pytorch.serve.grpc.inference.InferenceAPIsService"
-- A stream of one answer is on the wire what a single answer is.
local METHODS = {["/" .. SERVICE .. "/Predictions"] = true, ["/" .. SERVICE .. "/StreamPredictions"] = true}
-- Each costs time on the thread that everybody's requests share; a real request has three.
local MOST_FIELDS = 16
-- Of a name, which becomes the path and stands in the access log: more than a file's can have.
local MOST_BYTES = 255
-- By the contract's codes, where Envoy's own choice (by HTTP status) says less.
local STATUS = {
  rate_limited = 8, body_too_large = 8, image_too_large = 8, decompression_bomb = 8,
  timeout = 4, deadline_exceeded = 4, unauthorized = 16, not_found = 12,
  unavailable = 14, overloaded = 14, out_of_memory = 14,
  malformed_body = 3, internal_error = 13, server_error = 13,
}
local INVALID_ARGUMENT = "3"
-- What the access log says of the edge's own refusals, whose HTTP status is gone when they come here.
local LOGGED = {["3"] = 400, ["4"] = 504, ["8"] = 429, ["12"] = 404, ["14"] = 503, ["16"] = 401}

local function varint(body, at, stop)
  local value, place = 0, 1
  for byte = at, math.min(at + 9, stop - 1) do
    local bits = body:getBytes(byte, 1):byte()
    value = value + bits % 128 * place
    if bits < 128 then return value, byte + 1 end
    place = place * 128
  end
  error("it is cut off", 0)
end

-- The fields between two places: number, first byte and length of each that has one.
local function fields(body, at, stop)
  local found, read = {}, 0
  while at < stop do
    -- Those without a place count too: they cost the same time.
    read = read + 1
    if read > MOST_FIELDS then error("it has more than " .. MOST_FIELDS .. " fields", 0) end
    local key, length
    key, at = varint(body, at, stop)
    local number, wire = math.floor(key / 8), key % 8
    if wire == 0 then
      length, at = varint(body, at, stop)
    elseif wire == 2 then
      length, at = varint(body, at, stop)
      if length > stop - at then error("it is cut off", 0) end
      found[#found + 1] = {number = number, at = at, length = length}
      at = at + length
    else
      error("it has a field of a type that the method has not", 0)
    end
  end
  return found
end

local function text(body, field)
  return field.length > 0 and body:getBytes(field.at, field.length) or ""
end

local function name_in(body, field)
  if field.length > MOST_BYTES then error("a name has more than " .. MOST_BYTES .. " bytes", 0) end
  return text(body, field)
end

local function unpack_request(body)
  if body == nil or body:length() < 5 then error("it is empty", 0) end
  local flag, a, b, c, d = body:getBytes(0, 5):byte(1, 5)
  if flag ~= 0 then error("it is compressed; send it as it is", 0) end
  if body:length() ~= 5 + ((a * 256 + b) * 256 + c) * 256 + d then error("send one, whole", 0) end
  local request = {model = "", version = ""}
  for _, field in ipairs(fields(body, 5, body:length())) do
    if field.number == 1 then
      request.model = name_in(body, field)
    elseif field.number == 2 then
      request.version = name_in(body, field)
    elseif field.number == 3 then
      if request.input then error("`input` has more than one entry; send one, called data", 0) end
      local entry = {}
      for _, part in ipairs(fields(body, field.at, field.at + field.length)) do entry[part.number] = part end
      local name = entry[1] and name_in(body, entry[1]) or ""
      if name ~= "data" and name ~= "body" then error("`input` has an entry that is not called data", 0) end
      request.input = entry[2]
    end
  end
  return request
end

local function is_grpc(headers)
  local kind = headers:get("content-type") or ""
  return kind == "application/grpc" or kind:sub(1, 17) == "application/grpc+"
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if not is_grpc(headers) then return end
  if not METHODS[headers:get(":path")] then
    return handle:respond({[":status"] = "404"}, "no such method; there is Predictions of " .. SERVICE)
  end
  local body = handle:body()
  local is_whole, request = pcall(unpack_request, body)
  if not is_whole then
    return handle:respond({[":status"] = "400"}, "the message can't be read: " .. request)
  end
  local path = "/predictions/" .. request.model .. (request.version ~= "" and "/" .. request.version or "")
  if not (request.model .. request.version):match("^[%w._-]+$") then
    return handle:respond({[":status"] = "404"}, "no such model")
  end
  local image = request.input and text(body, request.input) or ""
  headers = handle:headers()  -- what was got before a wait is no longer good
  headers:replace("content-length", body:setBytes(image))
  headers:replace(":path", path)
  for _, name in ipairs({"te", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding"}) do headers:remove(name) end
  handle:streamInfo():dynamicMetadata():set("grpc", "is_asked", true)
  handle:clearRouteCache()
end

local function length_of(number)
  local bytes = {}
  repeat
    local rest = math.floor(number / 128)
    bytes[#bytes + 1] = string.char(number % 128 + (rest > 0 and 128 or 0))
    number = rest
  until number == 0
  return table.concat(bytes)
end

-- What comes before an answer of so many bytes: the frame's head, and that of PredictionResponse's one field.
local function head_of(length)
  local field = "\10" .. length_of(length)
  local size, bytes = #field + length, {0}
  for place = 3, 0, -1 do bytes[#bytes + 1] = math.floor(size / 256 ^ place) % 256 end
  return string.char(unpack(bytes)) .. field
end

local function status_of(error, otherwise)
  return tostring(STATUS[error:match('"code":%s*"([%w_]+)"')] or otherwise)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if not is_grpc(headers) then return end
  if headers:get("grpc-status") then
    -- The edge's own, without a body.
    local status = status_of(headers:get("grpc-message") or "", headers:get("grpc-status"))
    headers:replace("grpc-status", status)
    handle:streamInfo():dynamicMetadata():set("grpc", "status", LOGGED[status] or 500)
    return
  end
  -- Chunk by chunk: the bridge adds its trailers to the last one, and a body that is waited for would wait for them.
  local length = tonumber(headers:get("content-length"))
  headers:remove("content-length")
  local failed = handle:streamInfo():dynamicMetadata():get("grpc").status >= 400
  local head, said = head_of(length or 0), ""
  for chunk in handle:bodyChunks() do
    if failed then
      said = said .. chunk:getBytes(0, chunk:length())
      chunk:setBytes("")
    else
      chunk:setBytes(head .. chunk:getBytes(0, chunk:length()))
      head = ""
    end
  end
  if not failed then return end
  local trailers = handle:trailers()
  trailers:replace("grpc-status", status_of(said, INVALID_ARGUMENT))
  trailers:replace("grpc-message", (said:gsub("[^ -$&-~]", function(byte) return ("%%%02X"):format(byte:byte()) end)))
end
