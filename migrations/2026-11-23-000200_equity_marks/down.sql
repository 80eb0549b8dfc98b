DROP TABLE equity_marks;
