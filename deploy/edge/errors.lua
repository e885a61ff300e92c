-- TorchServe itself refuses with {"code", "type", "message"}; here that becomes the contract's {"error": {...}}.
-- The handler's errors have the contract's shape already and pass. The edge asks for no version that is not wanted, so
-- TorchServe's 404 is that of one that is not registered yet, after a restart; its 507 is that of a worker that died.
local AGAIN = {[404] = true, [503] = true, [507] = true}

function envoy_on_response(handle)
  local status = tonumber(handle:headers():get(":status"))
  local metadata = handle:streamInfo():dynamicMetadata()
  if metadata:get("grpc") then
    -- Asked by gRPC (grpc.lua): the bridge takes no other type, and writes over the status.
    handle:headers():replace("content-type", "application/grpc")
    metadata:set("grpc", "status", status)
  end
  if status < 400 then return end
  -- As the edge's own 503 (errors.yaml.j2).
  if status == 503 then handle:headers():replace("retry-after", "1") end
  local body = handle:body()
  if body == nil then return end
  -- The message is a JSON string already: it is copied with its quotes and escapes.
  local message = body:getBytes(0, body:length())
    :match('^{%s*"code":%s*%d+,%s*"type":%s*"%w+",%s*"message":%s*(".*")%s*}%s*$')
  if message == nil then return end
  local code = "server_error"
  if AGAIN[status] then
    code = "unavailable"
    handle:headers():replace(":status", "503")
    handle:headers():replace("retry-after", "1")
  end
  local length = body:setBytes('{"error": {"code": "' .. code .. '", "message": ' .. message .. '}}')
  handle:headers():replace("content-length", length)
end
