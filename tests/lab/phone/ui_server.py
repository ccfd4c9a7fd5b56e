#!/usr/bin/python3 -ES
"""
A stand-in for the server of uiautomator2, in the place of Android's app_process.

It speaks what version 3 of the library does: ``GET /ping`` and ``POST /jsonrpc/0``. What it answers
is the screen of the pocket phone. A file ``/data/local/tmp/ui-mood`` has it misbehave: ``silent``,
``empty``, ``noise``, ``refuses``, ``registered``.
"""

import json
import os
import signal
import socket
import subprocess
import sys

MOOD = "/data/local/tmp/ui-mood"
JAR = "/data/local/tmp/u2.jar"


def mood() -> str:
    try:
        with open(MOOD) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def hierarchy() -> str:
    name = f"/data/local/tmp/ui-{os.getpid()}.xml"
    subprocess.run(["uiautomator", "dump", name], check=True, stdout=subprocess.DEVNULL)
    try:
        with open(name) as file:
            return file.read()
    finally:
        os.remove(name)


def answer(request: dict) -> bytes:
    now = mood()
    if now == "silent":
        signal.pause()
    if now == "noise":
        return b"\xff\xfe no JSON"
    head = {"jsonrpc": "2.0", "id": request["id"]}
    if now == "refuses":
        return json.dumps(
            head | {"error": {"code": -32001, "message": "no root in window", "data": ""}}
        ).encode()
    if request["method"] != "dumpWindowHierarchy":
        return json.dumps(head | {"error": {"code": -32601, "message": "no such method"}}).encode()
    return json.dumps(head | {"result": "" if now == "empty" else hierarchy()}).encode()


def read_request(link: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(4096)
        if not piece:
            return "", b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    values = dict(line.lower().split(": ", 1) for line in lines[1:])
    while len(body) < int(values.get("content-length", "0")):
        body += link.recv(65536)
    return lines[0], body


def main() -> None:
    if os.environ.get("CLASSPATH") != JAR or sys.argv[2:4] != ["com.wetest.uia2.Main", "-p"]:
        sys.exit(f"not the server: {sys.argv}")
    if os.path.getsize(JAR) < 1_000_000:
        sys.exit("Error: Could not find or load main class")
    if mood() == "registered":
        sys.exit("java.lang.IllegalStateException: UiAutomationService already registered!")
    server = socket.create_server(("127.0.0.1", int(sys.argv[4])))
    print("[server] INFO: [UiAutomator2Server] Starting Server", flush=True)
    while True:
        link = server.accept()[0]
        with link:
            line, body = read_request(link)
            if not line:
                continue
            said = b"pong" if line.startswith("GET /ping ") else answer(json.loads(body))
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)


main()
