"""What operators ask about a machine or a server, from outside: nothing here is part of a server that runs."""
