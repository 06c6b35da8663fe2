"""population_values.py FILE COUNT SEED GENERATION: writes what each object of a population holds, a line of JSON each.

A value is an object of one item, whose key is its type; `text` and `bytes` are in base 64 (text as UTF-8), integers
in decimal digits, floats as their eight bytes in hexadecimal digits, big-endian. So a line says exactly what the values
are, and equal values have equal lines.
"""
import base64
import json
import struct
import sys

import population


def tagged(value):
    match value:
        case None:
            return {"none": True}
        case bool():
            return {"bool": value}
        case int():
            return {"int": str(value)}
        case float():
            return {"float": struct.pack(">d", value).hex()}
        case str():
            return {"text": base64.b64encode(value.encode()).decode()}
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case tuple():
            return {"tuple": [tagged(element) for element in value]}
        case list():
            return {"list": [tagged(element) for element in value]}
        case dict():
            return {"dict": [[tagged(key), tagged(item)] for key, item in value.items()]}
    raise TypeError(f"no form for {value!r}")


def main(path, count, seed, generation):
    with open(path, "w", encoding="ascii") as file:
        for number in range(int(count)):
            content = population.content(seed, number, population.generation_of(number, int(generation)))
            print(json.dumps(tagged(content), separators=(",", ":")), file=file)


main(*sys.argv[1:])
