"""Makes certificates and keys for tests: certificates.py DIRECTORY

ca         an authority, which signed server, client and expired
server     of the server; server.locked.key is its key with a pass-phrase, server.all.pem both in one file
client     of a client
expired    of a client, and no longer valid
single     of a client that signed it itself
stranger   like it, and nobody trusts it
"""
import os
import subprocess
import sys

os.chdir(sys.argv[1])


def openssl(*arguments):
    subprocess.run(('openssl',) + arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def key(name):
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', name + '.key')


def self_signed(name, *extensions):
    key(name)
    more = [word for extension in extensions for word in ('-addext', extension)]
    openssl('req', '-x509', '-new', '-key', name + '.key', '-out', name + '.pem', '-days', '2',
            '-subj', '/CN=' + name, *more)


def signed(name, days='2'):
    key(name)
    openssl('req', '-new', '-key', name + '.key', '-out', name + '.csr', '-subj', '/CN=' + name)
    with open(name + '.ext', 'w') as extensions:
        extensions.write('basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n'
                         'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n')
    openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
            '-days', days, '-extfile', name + '.ext', '-out', name + '.pem')


self_signed('ca', 'basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign')
for name in 'server', 'client':
    signed(name)
signed('expired', '-1')
for name in 'single', 'stranger':
    self_signed(name)
openssl('pkey', '-in', 'server.key', '-aes256', '-passout', 'pass:open sesame', '-out', 'server.locked.key')
with open('server.all.pem', 'w') as both:
    for name in 'server.pem', 'server.key':
        both.write(open(name).read())
