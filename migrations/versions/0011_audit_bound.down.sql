-- What is valid may stay so: nothing is left to undo.
SELECT 1;
