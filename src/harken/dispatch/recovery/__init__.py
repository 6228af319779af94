"""What is done for a segment whose first try failed or is late: budgets, second tries, and whose fault it was."""
