"""nagios.py ARGUMENTS   runs ZEO's Nagios plug-in, and prints its exit status in a line of its own"""
import sys

import ZEO.nagios

print(ZEO.nagios.main(sys.argv[1:]) or 0)
