"""Calls of gRPC for the scripts here, by an implementation that is not Cloister's (grpcio), and messages of Protocol Buffers by their fields' numbers.

A message is a list of (number, value): bytes and text, whole numbers, or a list that is a message itself.
"""
import grpc


def number(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(fields):
    out = b""
    for field, value in fields:
        if isinstance(value, int):
            out += number(field << 3) + number(value)
        else:
            part = message(value) if isinstance(value, list) else value.encode() if isinstance(value, str) else value
            out += number(field << 3 | 2) + number(len(part)) + part
    return out


def fields(data):
    """The fields of a message, by number: lists of numbers and bytes."""
    found, at = {}, 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = take()
        value = take()
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        found.setdefault(tag >> 3, []).append(value)
    return found


def call(channel, method, request=(), timeout=60):
    return fields(channel.unary_unary(method)(message(list(request)), timeout=timeout))
