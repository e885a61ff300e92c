-- TorchServe itself refuses with {"code", "type", "message"}; here that becomes the contract's {"error": {...}}.
-- The handler's errors have the contract's shape already and pass.
local CODES = {[404] = "not_found", [503] = "unavailable", [507] = "out_of_memory"}

function envoy_on_response(handle)
  local status = tonumber(handle:headers():get(":status"))
  if status < 400 then return end
  -- As the edge's own 503 (errors.yaml.j2).
  if status == 503 then handle:headers():replace("retry-after", "1") end
  local body = handle:body()
  if body == nil then return end
  -- The message is a JSON string already: it is copied with its quotes and escapes.
  local message = body:getBytes(0, body:length())
    :match('^{%s*"code":%s*%d+,%s*"type":%s*"%w+",%s*"message":%s*(".*")%s*}%s*$')
  if message == nil then return end
  local code = CODES[status] or "server_error"
  local length = body:setBytes('{"error": {"code": "' .. code .. '", "message": ' .. message .. '}}')
  handle:headers():replace("content-length", length)
end
