# The virtual environment that `./dev setup` makes: its interpreter and its packages folder.
#
#   MILLRACE_PYTHON         interpreter for Python tests; the system's where there is no environment
#   MILLRACE_SITE_PACKAGES  folder that holds torch/, nvidia/ and google/; empty if there is none

find_program(MILLRACE_PYTHON NAMES python python3 PATHS "${MILLRACE_VENV}/bin" NO_DEFAULT_PATH)
find_program(MILLRACE_PYTHON NAMES python3 REQUIRED)

file(GLOB millrace_site "${MILLRACE_VENV}/lib/python3.*/site-packages")
list(APPEND millrace_site "")
list(GET millrace_site 0 MILLRACE_SITE_PACKAGES)
