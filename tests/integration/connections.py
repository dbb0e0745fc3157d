"""An exporter of IPFIX over TCP and TLS for tests: connections.py ADDR:PORT WHAT [CERTIFICATE KEY CA]

whole        one message with its template and a record, then the end
octets       the same, octet by octet
cuts         the same once for every place where it can be cut, in two parts
rows         a hundred messages in one write
without      a record whose template another connection had
withdrawn    a record after its template was withdrawn
malformed    a message whose header gives a length of 15; prints whether the connection was closed
garbage      a kibioctet of zeros; likewise
torn         half a message, then a reset
many         twenty connections at once; prints how many stay open
half         a connection that says nothing; prints after how many seconds it was closed
slow         a message that never ends, an octet a second; likewise
"""
import socket
import ssl
import struct
import sys
import time

FIELDS = (8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 152, 8, 153, 8)
sequence = 0


def wrap(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def message(*sets, records=0):
    global sequence
    body = b"".join(sets)
    head = struct.pack(">HHIII", 10, 16 + len(body), int(time.time()), sequence, 7)
    sequence += records
    return head + body


def template():
    return wrap(2, struct.pack(">HH18H", 256, 9, *FIELDS))


def record(number=0):
    now = int(time.time() * 1000)
    return wrap(256, struct.pack(">4s4sHHBIIQQ", bytes([10, 9, 8, number % 250 + 1]),
                                 bytes([192, 0, 2, 1]), 40000 + number, 22, 6, 1000, 10,
                                 now - 5000, now - 1000))


def usual():
    return message(template(), record(), records=1)


def connect():
    host, port = sys.argv[1].rsplit(":", 1)
    s = socket.create_connection((host, int(port)), timeout=40)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if len(sys.argv) > 3:
        certificate, key, ca = sys.argv[3:6]
        context = ssl.create_default_context(cafile=ca)
        context.check_hostname = False
        if certificate:
            context.load_cert_chain(certificate, key)
        s = context.wrap_socket(s)
    return s


def end(s):
    if isinstance(s, ssl.SSLSocket):
        s.unwrap()
    s.close()


def is_closed(s):
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True


def whole():
    s = connect()
    s.sendall(usual())
    end(s)


def octets():
    s = connect()
    for octet in usual():
        s.sendall(bytes([octet]))
        time.sleep(0.002)
    end(s)


def cuts():
    for cut in range(1, len(usual())):
        s, data = connect(), usual()
        s.sendall(data[:cut])
        time.sleep(0.003)
        s.sendall(data[cut:])
        end(s)
    print(len(usual()) - 1)


def rows():
    s = connect()
    s.sendall(message(template()) + b"".join(message(record(i), records=1) for i in range(100)))
    end(s)


def without():
    s = connect()
    s.sendall(message(record(), records=1))
    end(s)


def withdrawn():
    s = connect()
    s.sendall(usual() + message(wrap(2, struct.pack(">HH", 256, 0))) +
              message(record(), records=1))
    end(s)


def malformed():
    s = connect()
    s.sendall(usual() + struct.pack(">HH", 10, 15))
    print("closed" if is_closed(s) else "open")


def garbage():
    s = socket.create_connection(tuple_of(sys.argv[1]), timeout=40)
    s.sendall(bytes(1024))
    while not is_closed(s):
        pass
    print("closed")


def tuple_of(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def torn():
    s = connect()
    data = usual()
    s.sendall(data + data[:len(data) // 2])
    time.sleep(0.2)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def many():
    sockets = [socket.create_connection(tuple_of(sys.argv[1])) for _ in range(20)]
    time.sleep(0.5)
    still = 0
    for s in sockets:
        s.setblocking(False)
        try:
            still += s.recv(1) != b""
        except BlockingIOError:
            still += 1
        except ConnectionError:
            pass
    print("open:", still)


def seconds_until_closed(s, each_second):
    began = time.monotonic()
    s.settimeout(1)
    while time.monotonic() - began < 60:
        try:
            if each_second:
                s.sendall(each_second)
            if s.recv(1) == b"":
                break
        except socket.timeout:
            pass
        except ConnectionError:
            break
    print("seconds:", round(time.monotonic() - began))


def half():
    seconds_until_closed(socket.create_connection(tuple_of(sys.argv[1])), None)


def slow():
    s = connect()
    s.sendall(struct.pack(">HH", 10, 65535))
    seconds_until_closed(s, b"\0")


if __name__ == "__main__":
    try:
        globals()[sys.argv[2]]()
    except (ssl.SSLError, ConnectionError) as e:
        print("refused:", e)
