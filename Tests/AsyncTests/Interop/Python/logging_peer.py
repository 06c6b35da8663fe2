"""What Python's logging makes of formats and rotation, one JSON value a line for each JSON value a line of the input file.

{"style", "format", "date", "record"}   the line that ZConfig's formatter writes
{"when", "interval", "time"}            when the file rotates that was last written at that time, and its old name
"""
import json
import logging
import logging.handlers
import os
import sys

from types import SimpleNamespace
from ZConfig.components.logger.formatter import FormatterFactory

for line in open(sys.argv[1]):
    case = json.loads(line)
    if 'format' in case:
        section = SimpleNamespace(format=case['format'], dateformat=case['date'], style=case['style'],
                                  formatter=None, arbitrary_fields=False)
        given = case['record']
        record = logging.LogRecord(given['name'], given['levelno'], given['pathname'], given['lineno'],
                                   given['message'], (), None, given['funcName'])
        record.created = given['created']
        record.msecs = float(int((record.created - int(record.created)) * 1000))
        print(json.dumps(FormatterFactory(section)().format(record)))
    else:
        path = sys.argv[1] + '.log'
        open(path, 'w').close()
        os.utime(path, (case['time'], case['time']))
        handler = logging.handlers.TimedRotatingFileHandler(path, when=case['when'], interval=case['interval'])
        end = handler.rolloverAt
        handler.rotator = lambda old, new: names.append(new)
        names = []
        handler.doRollover()
        handler.close()
        print(json.dumps([end, names[0][len(path):]]))
