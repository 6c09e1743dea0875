local RESIDUE = bit.tobit(0x2144DF1C)
local DEPTH_MAX = 4
local CRC = {}
for i = 0, 255 do
    local word = i
    for _ = 1, 8 do
        local odd = bit.band(word, 1) == 1
        word = bit.rshift(word, 1)
        if odd then word = bit.bxor(word, 0xEDB88320) end
    end
    CRC[i] = word
end

local function crc_of(bytes)
    local word = 0xFFFFFFFF
    for i = 0, bytes:len() - 1 do
        word = bit.bxor(bit.rshift(word, 8), CRC[bit.band(bit.bxor(word, bytes:get_index(i)), 255)])
    end
    return bit.tobit(bit.bxor(word, 0xFFFFFFFF))
end

-- What stands between the flags, with 7D 5E and 7D 5D undone; nil without both flags.
local function unstuffed(tvb)
    local count = tvb:len()
    if count < 2 or tvb(0, 1):uint() ~= 0x7E or tvb(count - 1, 1):uint() ~= 0x7E then return nil end
    local octets, i, raw = {}, 1, tvb:bytes()
    while i < count - 1 do
        local octet = raw:get_index(i)
        local following = i + 1 < count - 1 and raw:get_index(i + 1) or 0
        if octet == 0x7D and following == 0x5E then octet, i = 0x7E, i + 1
        elseif octet == 0x7D and following == 0x5D then i = i + 1 end
        octets[#octets + 1] = string.format("%02x", octet)
        i = i + 1
    end
    if #octets == 0 then return nil end
    return ByteArray.new(table.concat(octets))
end

-- One msgpack element at `at`: its kind, its range, where the next one begins; nil where there is none.
local WIDTH = { [0xCC] = 1, [0xCD] = 2, [0xCE] = 4, [0xCF] = 8, [0xD0] = 1, [0xD1] = 2, [0xD2] = 4, [0xD3] = 8 }

local function element(tvb, at, last, depth)
    if at >= last then return nil end
    local marker = tvb(at, 1):uint()
    if marker < 0x80 then return "uint", tvb(at, 1), at + 1, marker end
    if marker >= 0xE0 then return "int", tvb(at, 1), at + 1, marker - 256 end
    local head, count, kind = 1, 0, nil
    if marker == 0xC0 then return "nil", tvb(at, 1), at + 1 end
    if WIDTH[marker] then
        count, kind = WIDTH[marker], marker < 0xD0 and "uint" or "int"
    elseif bit.band(marker, 0xE0) == 0xA0 then
        count, kind = bit.band(marker, 31), "str"
    elseif marker == 0xD9 or marker == 0xC4 then
        if at + 2 > last then return nil end
        head, count, kind = 2, tvb(at + 1, 1):uint(), marker == 0xD9 and "str" or "bin"
    elseif bit.band(marker, 0xF0) == 0x90 or marker == 0xDC then
        if depth >= DEPTH_MAX or marker == 0xDC and at + 3 > last then return nil end
        local elements_n = marker == 0xDC and tvb(at + 1, 2):uint() or bit.band(marker, 15)
        local next_at = at + (marker == 0xDC and 3 or 1)
        for _ = 1, elements_n do
            local found, _range, following = element(tvb, next_at, last, depth + 1)
            if not found then return nil end
            next_at = following
        end
        return "array", tvb(at, next_at - at), next_at
    else
        return nil
    end
    if at + head + count > last then return nil end
    if count == 0 then return kind, tvb(at + head, 0), at + head, "" end
    local range = tvb(at + head, count)
    local shown
    if kind == "uint" then shown = count == 8 and range:uint64() or range:uint()
    elseif kind == "int" then shown = count == 8 and range:int64() or range:int()
    elseif kind == "str" then shown = range:string()
    end
    return kind, range, at + head + count, shown
end

local function add_field(tree, row, kind, range, shown)
    if row.kind == "bin" and kind == "bin" then
        tree:add(row.field, range)
    elseif row.kind == "str" and kind == "str" then tree:add(row.field, range, shown)
    elseif row.kind == "u64" and kind == "uint" then
        tree:add(row.field, range, type(shown) == "number" and UInt64(shown) or shown)
    elseif row.number and (kind == "uint" or kind == "int") then tree:add(row.field, range, tonumber(tostring(shown)))
    else return false end
    return true
end

local function dissect_message(tvb, last, tree, pinfo)
    local marker = tvb(8, 1):uint()
    local at, elements_n = 9, bit.band(marker, 15)
    if marker == 0xDC and last >= 11 then at, elements_n = 11, tvb(9, 2):uint()
    elseif bit.band(marker, 0xF0) ~= 0x90 then elements_n = 0 end
    local kind, range, next_at, number = element(tvb, at, last, 1)
    if elements_n == 0 or kind ~= "uint" then
        tree:add_proto_expert_info(bad_message)
        return
    end
    tree:add(message_field, range, number)
    local message = messages[number]
    if not message then
        tree:add_proto_expert_info(unknown_message)
        return
    end
    pinfo.cols.info:append(" " .. message.name)
    local branch = tree:add(spinline, tvb(8, last - 8), message.name)
    at = next_at
    for i = 1, elements_n - 1 do
        local shown
        kind, range, next_at, shown = element(tvb, at, last, 1)
        local row = message.fields[i]
        if not kind or row and not add_field(branch, row, kind, range, shown) then
            tree:add_proto_expert_info(bad_message)
            return
        end
        at = next_at
    end
    if elements_n - 1 < #message.fields or at ~= last then tree:add_proto_expert_info(bad_message) end
end

function spinline.dissector(tvb, pinfo, root)
    pinfo.cols.protocol = "Spinline"
    local tree = root:add(spinline, tvb())
    local octets = unstuffed(tvb)
    local count = octets and octets:len() or 0
    if count < 12 or octets:get_index(0) ~= count - 4 or bit.rshift(octets:get_index(3), 6) ~= 1 then
        pinfo.cols.info = "no frame"
        tree:add_proto_expert_info(no_frame)
        return
    end
    local body = octets:tvb("Unstuffed frame")
    local good = crc_of(octets) == RESIDUE
    local control = body(3, 1)
    tree:add(header.length, body(0, 1))
    tree:add(header.destination, body(1, 1))
    tree:add(header.source, body(2, 1))
    tree:add(header.control, control)
    tree:add(header.authenticated, control)
    tree:add(header.from_node, control)
    tree:add(header.kind, control)
    tree:add_le(header.session, body(4, 2))
    tree:add_le(header.sequence, body(6, 2))
    tree:add_le(header.crc, body(count - 4, 4))
    local kind = bit.band(control:uint(), 15)
    local last = count - 4
    pinfo.cols.info = (kinds[kind] or tostring(kind)) .. " " .. body(6, 2):le_uint()
    if not good then
        pinfo.cols.info:append(" damaged")
        tree:add_proto_expert_info(bad_crc)
        return
    end
    if bit.band(control:uint(), 0x20) ~= 0 then
        if last < 16 then
            tree:add_proto_expert_info(no_frame)
            return
        end
        last = last - 8
        tree:add(header.tag, body(last, 8))
    end
    if last > 8 then dissect_message(body, last, tree, pinfo) else tree:add_proto_expert_info(bad_message) end
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, spinline)
