"""One suite for every API server: the sandbox in process, the sandbox over HTTPS, and a real one."""
