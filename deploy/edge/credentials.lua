-- A key is "<name>.<secret>": in x-api-key, as a bearer token, or with the two apart as HTTP's Basic has them. The next
-- filter knows the last way alone, in a header that no caller can set.
function envoy_on_request(handle)
  local headers = handle:headers()
  local key, given = headers:get("x-api-key"), headers:get("authorization")
  if key == nil and given ~= nil then key = given:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S+)$") end
  if key ~= nil then
    local name, secret = key:match("^([%w_-]+)%.(%S+)$")
    if name == nil then return end
    given = "Basic " .. handle:base64Escape(name .. ":" .. secret)
  end
  if given ~= nil then headers:replace("x-edge-credential", given) end
end
