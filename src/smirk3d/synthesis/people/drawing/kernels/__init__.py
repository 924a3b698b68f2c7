"""Compiled loops that draw people, and the arrays and numbers that they share.

A change in any module of this folder has all of them compiled anew.
"""
