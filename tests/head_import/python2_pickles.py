"""A pickle of Python 2 with chumpy's and scipy's objects.

Written by Python 2.7.18 with numpy 1.16.6, scipy 1.2.3 and chumpy 0.69:

    v = np.arange(12.).reshape(4, 3) / 100
    d = {
        'v_template': ch.array(v), 'f': np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
        'shapedirs': ch.array(np.arange(24.).reshape(4, 3, 2)),
        'sel': ch.array(np.arange(24.).reshape(4, 3, 2))[:, :, 1:],
        'J_regressor': sp.csc_matrix(np.array([[1, 0, 0, 0], [0, .5, .5, 0.]])),
        'posedirs': np.arange(12.).reshape(4, 3, 1), 'weights': np.ones((4, 2)) * .5,
        'kintree_table': np.array([[4294967295, 0], [0, 1]], np.uint32),
        'bs_style': 'lbs', 'bs_type': 'lrotmin', 'expr': ch.array(v) + 1,
    }
    base64.b64encode(zlib.compress(cPickle.dumps(d, protocol)))
"""

import base64
import zlib

_PACKED = {
    0: """
eNrtWFuL4zYUftevKGVp0tIO1s22oGUW+lCmDwO78xowsq047ia2sJXdpP3zPZKdjOPr7G4LLcyDgqXvSDrS+c5FWacao6dV
XEe1Oe/VCmkC3X1cwxdF9dNKl7VK88r2GUqK40Gf75KyUneH497ksqrkGUWVSsqiNtUxMUhztG7kUJE2uPbR+sFDBvZZIfNe
B9DF0Bh6oAi+TCufmrNWSIdo/bTahisEcyz6XgsQpqDXzyv0+Pj48BNGrsGS8YPnAbA5ed6Xta13PyfwdgYMZ0A8NxOzOXB2
2WQS/GYS+XYSeTOJfPcWLBWD/Wu1B9NjDyVJqc9g6ezG3GUFINgySXaOGpUqq1RVeZGhJ7VXlg+YoCSK4mMOfCmiCJXxH804
RY9gW8zQGkjIwYpyhbLuYskO/boDQR+GW+HACYcgHB3kBxXVWla1pS0WyFIBNI6AruYcfZSOtMS73b1WsDWBTdZ7WI8QNyM3
lRWFPdx8pVWR1lFZ2E+3iNORcCfs9k1V4bYl/mXbEygP1M96XCe3ZCfIZI2mr6T9F0g7hawnkR8mkR8nkbtJZPoC8SRCJhE6
iUzbgk8i/iQSXJwdkoA0R8d462KF+mQ/BarjeuBw1GuYn4GHZY1DaWpzSZ6eXPYgSDqXhl9dqa2qKpVG9U5qN5siCd5BmV3A
+l3W+Bgd8THa+lgGkzpJQ9PAjpFRt6Nh63bYepzLKHk3o9CXpBS84Il0AecLeDCLm4XZ8SxeLczezuN44ex44ex44ex49uyO
jpZzHyOjDnovjeUB85r0kHUSAsOWNYwMEwKjQ34yhlygttRjvEc95g+px4KF8M7Cbnh/eWz/ywbUzUmq3zYnhf/cnEJ2PxgT
DMJ8HMKwAgG4URW/awaEGkpLKy0kNDFsUkwtJRUgKnnXh6GPh5vEsEmxOaVgPkn1L/Y7Dmb2jcX995sNrAl8SwhkLr6GweT+
amGoPG3VZ+9a2MqzKs0hL6DL3bVvx6+d4/baSXPtzsGPrOPgnHxBzdgnPVkwI5kLCG1M/d3WTJWq69LWGJy2JU6d5FDhNGy9
gx6CBtwzVX4CKXYlOOeWm9y3gbVI80TZ2MqD8Vu5kPF6JfnNlYh/4ErwyBFTaSDOa98b1crHHa2W/WO2tlELYKvQQZ401KDG
KgUMaah0zT0+bYjDIIf4zEJws9qVgD4fP4LfHoHDEfjMGfDnEGSUMFZ9BdpbZYJ+ORyVukYyTQELrwzxhWVI4HUK6G6EDFyE
DEYiZDASIYNOhAz6ETIYiZDBUoQMXiPkV0bIMaM6m4fe0KghHho1JM9GDWnPqCEbGjXkC0YNW4d4oUNfz9JXNhhRNkSXsjFu
VRY9lYU3VFm057a7fADXr5SKjIzdXxpivEYU9DmJ2CoRUsblLNvtbVt8lI2FxU8qz3bGxmvBxhXgz67xsoeh+prg+J8DL38x
2Ljc/sck/CHZhXv0i5FHvxBD/mB3hS3bsYd73MEeGZIHe3SB8Nhjr+/413f8/+IdH9d3fwMho1cw
""",
    2: """
eNrdlstz21QUxiPbiW0lIWmT0AAlLaUUpRTTpukLWhwotDQCQ1IuzwZVj5tIU1vW0ZXbGEYzMIOT8aobNrBgAxs2nWGGmZYZ
Fgz/RLewhgUb1nCudJwgZ7JgAQs0k/xkPY7O951P1/44F4OisZIlDBG16xxyLF+3BORZKWgK7nihgILttxpBu2I3Q15ptOqR
Z4ah2VaNkNtNX0Rhy45UGEyvUn0nPQtD+kCHKdbmMhQ1XdELel5XNukiJ2oHXIUSy62e1Qfw+DKUNT3PlPO1Wm3xT9ySf/pA
ZHXZ9YHM9nuVdhZSlIjjxEniNHE/8SDxEPEw8chCZLG84HVQbdtNlIa8GTo89Pw19SqvcylvePYTGIlhVGOK2bvMdtWLrgoP
4KmxGMY1NmI0zBvcEIEZCg57umzYQAejtnETD8Be2zCslof++YahCo5VJ1Y6yzDJCoYXhTBVY+OGwwPuO8Jo+nJXwIMx7MMy
SV2H+1h2usuUdXfQ3fb3oZ6/uU233GU//tt+pdSIR4nHiBXiceIJ4hzxJHGeeIp4mnhGzqOIcTSjloCHWd7nt+CRltXn7v6u
u9edWIFHNVbwnHUBMzgZNhaEfJWHIXcM4ZoBhwMcHT7oTtVcdPKxrJOHuu4ByiU87s5kPD0sPR3puBhRrxfRJ3aPqEIe54mD
xCKxTBwmjhLHiHuIE8Qp4j5iZKEB6k0j4o2gbkYcjrgydk/GoPXHbpaMOYoxMVH8UyT+WFb80ztiVKEYbcgQbb10H03eufzL
h59WU35WvTfT+XXp3pf0+evqF5/L7Rs6fqf625Lc+5bOf1dV738VXFDv0nXfV2ev3f7pD+2HaqKoiOuOXArgGVash82o4flw
nCmrmb5OyL5ysi8cRmuehjG36zCmZdtyIDmSkKPBYK6GF3HVWgu5EM0QTtrC9vA9To2r4CcV/9CkKPTWVZhHg0/FcFpjRc93
PJsLOJNp7KxsLJ9mpNfWuV3bGum1paStFBwzMuHZTMXnqGKZVGy/vT9vEW8tNcz1AJenCM7rc2yIon4BTSpssCFsNsDl5PlM
5aqsPNhxz3XZ5N/9yW95g+MocCwLC9vrm9EMhGo6jgovoBkvxnBRrn9J9F6K4eX+6F2i6F2m6L1C0buSjd7ijujp/330FCuR
8WoMr/XLqJGM10nGGyRjKStjeYeMqyhjVkoo9YaXPCpb/U2qzqSVeJ9coN6iJ7ydfcI7Xbx79AYOOuTciEwLv6DfzTzxvfTd
yG24c102LsPWM49SVrzFvTU3EvB+5r5rqeG5xPCF/oj9U+JzykkGk98LK4mxH8Rg9Bt7naSbZKxFsu2sbGeHsfx/9w3XslqV
vwCEuXp+
""",
}


def python2_pickle(protocol: int) -> bytes:
    """Return the pickle in protocol 0 or 2."""
    return zlib.decompress(base64.b64decode(_PACKED[protocol]))
