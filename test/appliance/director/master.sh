#!/bin/sh
{
  echo "TEST version $(cat /etc/lbd-version)"
  echo "TEST words $(cat /proc/cmdline)"
  echo "TEST ready $(wget -qO- http://127.0.0.1:812/readyz)"
} > /dev/console 2>&1
