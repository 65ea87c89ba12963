# Much is imported, then a little is done.
#
# grows: no
import argparse, asyncio, concurrent.futures, csv, ctypes, decimal, difflib, email, html, http.client, inspect, json, logging
import multiprocessing, pickle, pydoc, sqlite3, ssl, statistics, tarfile, tempfile, unittest, urllib.request, xml.dom, zipfile

total = sum(i * i for i in range(2_000_000))
